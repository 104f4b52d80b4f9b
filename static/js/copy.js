// <button data-copy="text" data-copied="Copied">: puts the text on the clipboard and says so for two seconds.

const SHOWN_FOR = 2000;

async function write(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Plain HTTP on a name other than localhost has no clipboard API.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

function announce(text) {
  const live = document.getElementById("announcer");
  if (live) live.textContent = text;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await write(button.dataset.copy);
  } catch {
    return; // The text stays readable beside the button.
  }
  button.classList.add("is-done");
  announce(button.dataset.copied);
  setTimeout(() => {
    button.classList.remove("is-done");
    announce("");
  }, SHOWN_FOR);
});
