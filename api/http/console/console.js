// A file, not a line of the page: the page's policy allows no scripts in it, so that nobody can put one there.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#console",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
});
