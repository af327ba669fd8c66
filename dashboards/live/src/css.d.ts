/** Style sheets are bundled into app.css by the build; importing one has no value. */
declare module '*.css' {}
