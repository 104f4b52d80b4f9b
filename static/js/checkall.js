// <form data-check-all>: the box [data-check-all-box] chooses all others of the form, and shows when only some are.

const others = (form) => [...form.querySelectorAll("input[type=checkbox][name=tag]")];

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-check-all]");
  const box = form?.querySelector("[data-check-all-box]");
  if (!box || event.target.type !== "checkbox") return;
  const rows = others(form);
  if (event.target === box) rows.forEach((row) => { row.checked = box.checked; });
  const chosen = rows.filter((row) => row.checked).length;
  box.checked = chosen > 0 && chosen === rows.length;
  box.indeterminate = chosen > 0 && chosen < rows.length;
});
