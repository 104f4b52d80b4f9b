// <nav class="tabs">: on a phone the tab of this page may be out of sight; brings it in.

function show() {
  for (const tab of document.querySelectorAll(".tabs [aria-current=page]")) {
    const [inner, outer] = [tab.getBoundingClientRect(), tab.parentElement.getBoundingClientRect()];
    tab.parentElement.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2;
  }
}

document.addEventListener("htmx:oobAfterSwap", show);
show();
