"""For schemathesis: a file is an image, where the document says that it is a file."""

import schemathesis
from hypothesis import strategies as st

from tests.support.images import SMALL_PNG, encoded, noise

IMAGES = [SMALL_PNG, encoded(noise(5, 7)), encoded(noise(4, 4, channels=4)), encoded(noise(9, 3), "JPEG")]

schemathesis.openapi.format("binary", st.sampled_from(IMAGES))
schemathesis.openapi.media_type("application/octet-stream", st.sampled_from(IMAGES))
schemathesis.openapi.media_type("image/*", st.sampled_from(IMAGES))
