// A file of its own, because the page's Content-Security-Policy allows no script inside it.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Would ask somebody else's server whether the document is valid.
  validatorUrl: null,
});
