/** The entry of the page. The screens come with `ui/`. */
document.title = "Ferry";
