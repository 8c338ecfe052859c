SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  // A validator elsewhere would be asked about our document.
  validatorUrl: null,
  persistAuthorization: false,
});
