"""For schemathesis: a file is an image, where the document says that it is a file."""

import schemathesis
from hypothesis import strategies as st

from tests.support.images import SMALL_PNG, encoded, noise

# Of one size, so that each can be another's mask.
IMAGES = [SMALL_PNG, encoded(noise(6, 8)), encoded(noise(6, 8, channels=4)), encoded(noise(6, 8), "JPEG")]

schemathesis.openapi.format("binary", st.sampled_from(IMAGES))
schemathesis.openapi.media_type("application/octet-stream", st.sampled_from(IMAGES))
schemathesis.openapi.media_type("image/*", st.sampled_from(IMAGES))
