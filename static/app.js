// Comforts on pages that work without them; no state.
"use strict";

const root = document.documentElement;
const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const on = (type, listener, capture) => document.addEventListener(type, listener, capture);
const fire = (node, type) => node.dispatchEvent(new Event(type, { bubbles: true }));
const cookie = (name) => document.cookie.match(`(?:^|; )${name}=([^;]*)`)?.[1] || "";

root.classList.add("js");

// For the server's times.
const zone = encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone || "");
if (zone && cookie("tz") !== zone) document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax`;

// Notices go after 6 s unless looked at.
let clock;
function toast(region, node) {
  region.replaceChildren(node);
  clearTimeout(clock);
  if (region.id === "say") clock = setTimeout(() => region.matches(":hover, :focus-within") || region.replaceChildren(), 6000);
}
function say(text) {
  toast($("#say"), Object.assign(document.createElement("p"), { className: "toast", textContent: text }));
}
function shout(reason, verb) {
  const template = $(`[data-failure="${reason}"], [data-failure=${verb}]`);
  if (template) toast($("#shout"), template.content.cloneNode(true));
}

// data-copy names an element to copy, data-copy-text is the text.
async function copy(button) {
  const source = button.dataset.copy && $(button.dataset.copy);
  const text = source ? source.value ?? source.textContent : button.dataset.copyText;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return shout("copy");
  }
  const icon = (name) => $("use", button)?.setAttribute("href", `#i-${name}`);
  icon("clipboard-document-check");
  button.dataset.copied = "";
  setTimeout(() => (icon("clipboard-document"), delete button.dataset.copied), 2000);
  say("Copied");
}

on("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const button = at("[data-copy], [data-copy-text]");
  if (button) copy(button);
  at("[data-dismiss]")?.closest(".toast, .message").remove();
  const dialog = at("dialog");
  if (dialog && (event.target === dialog || at("[data-close]"))) event.preventDefault(), dialog.close();
  for (const open of $$("details.pop[open]")) if (!open.contains(event.target)) open.open = false;
  if (event.target.type === "checkbox") pick(event.target, event.shiftKey);
});

on("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const find = $$("input[name=q][data-find]").find((input) => input.offsetParent);
    if (find) event.preventDefault(), find.focus(), find.select();
  }
  const pop = event.key === "Escape" && event.target.closest("details.pop[open]");
  if (pop) pop.open = false, $("summary", pop).focus();
});

// Shift takes a range within data-range; a box with data-all stands for others.
let last;
function pick(box, range) {
  const list = box.closest("[data-range]");
  if (box.dataset.all) {
    for (const other of $$(box.dataset.all)) if (!other.closest("[hidden]")) other.checked = box.checked;
  } else if (list) {
    const boxes = $$("input[type=checkbox]:not([data-all])", list);
    const [from, to] = [last, box].map((other) => boxes.indexOf(other)).sort((a, b) => a - b);
    if (range && from >= 0) for (const other of boxes.slice(from, to + 1)) other.checked = box.checked;
    last = box;
  }
  showGroups();
}
function showGroups() {
  for (const box of $$("input[data-all]")) {
    const boxes = $$(box.dataset.all);
    const ticked = boxes.filter((other) => other.checked).length;
    box.checked = ticked && ticked === boxes.length;
    box.indeterminate = ticked && ticked < boxes.length;
  }
}

// data-filter names items that are all there; data-text is searched instead of their text.
on("input", (event) => {
  const { filter } = event.target.dataset;
  if (!filter) return;
  const words = event.target.value.toLowerCase().split(/\s+/);
  const items = $$(filter);
  const text = (item) => (item.dataset.text || item.textContent).toLowerCase();
  for (const item of items) item.hidden = !words.every((word) => text(item).includes(word));
  const count = $(event.target.dataset.count);
  const shown = items.filter((item) => !item.hidden).length;
  if (count) count.textContent = `${shown} of ${items.length}`;
});

function ready(from) {
  for (const form of $$("form", from)) form.noValidate = true;
  $(".tabs [aria-current]", from)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  showGroups();
}
ready(document);

// After a new sign-in in another tab only the cookie has the right token.
on("submit", (event) => {
  const field = event.target.elements.csrfmiddlewaretoken;
  if (field && cookie("csrftoken")) field.value = cookie("csrftoken");
}, true);
on("htmx:configRequest", ({ detail }) => {
  if (!cookie("csrftoken")) return;
  detail.headers["X-CSRFToken"] = cookie("csrftoken");
  delete detail.parameters.csrfmiddlewaretoken;
});

// A button that its request disabled has lost the focus.
on("htmx:afterRequest", ({ detail }) => document.activeElement === document.body && detail.elt.focus());
// Polling waits while nobody looks, under the pointer, and for a focus it would take. A finger leaves its hover behind.
const polls = (elt) => /every/.test(elt.getAttribute("hx-trigger"));
on("htmx:beforeRequest", (event) => {
  const { elt } = event.detail;
  const inUse = document.hidden || (matchMedia("(hover: hover)").matches && elt.matches(".dims:hover")) || $(":focus-visible:not([id], [hx-preserve] *)", elt);
  if (inUse && polls(elt)) event.preventDefault();
});
on("htmx:load", ({ target }) => ready(target));
on("htmx:afterSwap", ({ detail }) => {
  const dialog = detail.target.closest?.("dialog");
  if (dialog && !dialog.open && dialog.childElementCount) dialog.showModal(), dialog.append(...regions);
});
// Nobody hears what lies outside an open dialog: the regions go in with it, and out before its content goes.
const regions = $$("#shout, #say");
const keepRegions = (from) => from.contains(regions[0]) && document.body.append(...regions);
$("#dialog")?.addEventListener("close", ({ target }) => (keepRegions(target), target.replaceChildren()));
// Polling tells once, over no other message, and takes back only its own.
let failed, polled;
function fail({ elt, target, verb }, reason) {
  if (polls(elt) && (target === failed || regions[0].firstChild)) return;
  failed = target;
  polled = polls(elt);
  shout(reason, verb);
}
on("htmx:beforeSwap", ({ detail }) => {
  const { target, xhr, requestConfig } = detail;
  if (detail.shouldSwap) keepRegions(target);
  if (new URL(xhr.responseURL || location).pathname === root.dataset.signIn) {
    detail.shouldSwap = false;
    fail(requestConfig, "signed-out");
  } else if (!detail.isError && requestConfig.target.contains(failed) && (polled || !polls(requestConfig.elt))) {
    failed = regions[0].replaceChildren();
  }
});
for (const kind of ["responseError", "sendError", "timeout"]) {
  on(`htmx:${kind}`, ({ detail }) => fail(detail.requestConfig, detail.xhr.status));
}
