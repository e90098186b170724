// Starts the page of the OpenAPI document. A file of its own, since the pages' policy allows no script inside a page.
window.ui = SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
});
