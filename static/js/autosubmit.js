// <select data-autosubmit>: sends its form when the choice changes. The form keeps a button for those without script.

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
});
