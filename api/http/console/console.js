// A file, not a line of the page: the page's policy allows no scripts in it, so that nobody can put one there.

// A body that was filled in as one type is none of another: what Swagger UI keeps of a form, it shows as its JSON.
const forgetBodyOfOtherType = () => ({
  statePlugins: {
    oas3: {
      wrapActions: {
        setRequestContentType: (set, { oas3Actions }) => (change) => {
          oas3Actions.setRequestBodyValue({ value: undefined, pathMethod: change.pathMethod });
          return set(change);
        },
      },
    },
  },
});

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#console",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [forgetBodyOfOtherType],
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
});
