"""What goes over HTTP: routes, problems, negotiation, the OpenAPI document."""
