// The composer's comforts: line numbers, completions, Ctrl+S, focus after a swap. The state is in the form.
"use strict";

const composer = () => $("#composer");
// For screen readers only; say() of app.js also shows a toast.
const announce = (text) => ($("#say").textContent = text);

// Enter in a field keeps the draft instead of pressing the first button; Ctrl+Enter checks the filter at once.
on("keydown", (event) => {
  const form = composer();
  if (!form) return;
  const keeps = event.target.matches(`#composer input:not([type=checkbox])${event.ctrlKey ? ", [data-cel]" : ""}`);
  if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    $("[data-save]", form).click();
  } else if (event.key === "Enter" && keeps) {
    event.preventDefault();
    fire(event.target, "change");
  }
});

// Whether a source is open is kept with the draft.
on("toggle", (event) => {
  const kept = event.target.dataset?.open && byId(event.target.dataset.open);
  if (kept) kept.value = event.target.open ? "1" : "";
}, true);

// Line numbers. The line with the fault stands out.
function number(area) {
  const gutter = $(`[data-gutter="${area.id}"]`);
  if (!gutter) return;
  const bad = +byId(`${area.id}-error`)?.dataset.bad;
  const lines = area.value.split("\n").length;
  gutter.replaceChildren(...Array.from({ length: lines }, (_, index) =>
    Object.assign(document.createElement("li"), { textContent: index + 1, className: index + 1 === bad ? "bad" : "" })));
  area.ariaInvalid = bad ? "true" : null;
}
const numberAll = () => $$("[data-cel]").forEach(number);

function insert(area, text, from = area.selectionStart) {
  area.focus();
  area.setRangeText(text, from, area.selectionEnd, "end");
  fire(area, "input");
}

on("click", (event) => {
  const chip = event.target.closest("[data-insert]");
  if (chip) insert(byId(chip.dataset.into), chip.dataset.insert);
  const clear = event.target.closest("[data-clear-search]");
  if (clear) {
    const search = $(`[data-search="${clear.closest(".tree").id}"]`);
    search.value = "";
    fire(search, "input");
    search.focus();
  }
  // A link of the error summary opens the source that it leads to.
  const link = event.target.closest(".form-errors a");
  const goal = link && byId(link.hash.slice(1));
  if (goal) {
    event.preventDefault();
    for (let box = goal.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    goal.focus();
    goal.scrollIntoView({ block: "center" });
  }
});

// Completions: fields after "ev.", and functions.
const FUNCTIONS = ["startsWith(", "endsWith(", "contains(", "matches(", "size()", "has("];
let list;
function close() {
  list?.remove();
  list?.area.removeAttribute("aria-activedescendant");
  list = undefined;
}
function complete(area) {
  close();
  const before = area.value.slice(0, area.selectionStart);
  const word = before.match(/[\w.]*$/)[0];
  const fields = $$(`[data-into="${area.id}"]`).map((chip) => chip.dataset.insert);
  const call = word.match(/^ev\.[\w.]+\.(\w*)$/) && fields.find((field) => word.startsWith(`${field}.`));
  const options = call
    ? FUNCTIONS.slice(0, 5).map((name) => `${call}.${name}`).filter((name) => name.startsWith(word))
    : [...fields, "has("].filter((name) => name.startsWith(word));
  if (!options.length || options[0] === word) return;
  list = Object.assign(document.createElement("ul"), { className: "menu complete", id: "complete" });
  Object.assign(list, { area, from: area.selectionStart - word.length });
  list.role = "listbox";
  list.ariaLabel = "Completions";
  options.forEach((option, index) => {
    const item = Object.assign(document.createElement("li"), { id: `complete-${index}`, textContent: option });
    item.role = "option";
    item.addEventListener("mousedown", (event) => (event.preventDefault(), take(item)));
    list.append(item);
  });
  area.closest(".editor").after(list);
  area.setAttribute("aria-controls", "complete");
  choose(0);
  announce(`${options.length} completion${options.length > 1 ? "s" : ""}`);
}
function choose(index) {
  const items = [...list.children];
  list.at = (index + items.length) % items.length;
  items.forEach((item, place) => (item.ariaSelected = place === list.at));
  items[list.at].scrollIntoView({ block: "nearest" });
  list.area.setAttribute("aria-activedescendant", items[list.at].id);
}
function take(item) {
  const { area, from } = list;
  close();
  insert(area, item.textContent, from);
}
on("keydown", (event) => {
  const area = event.target.closest("[data-cel]");
  if (!area) return;
  if (event.key === " " && event.ctrlKey) return event.preventDefault(), complete(area);
  if (!list) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) event.preventDefault(), choose(list.at + step);
  else if (event.key === "Enter") event.preventDefault(), take(list.children[list.at]);
  else if (event.key === "Escape") event.preventDefault(), close();
  else if (event.key === "Tab") close();
});
on("focusout", (event) => event.target === list?.area && close());

on("input", (event) => {
  const { target } = event;
  if (target.matches("[data-cel]")) {
    number(target);
    if (/\bev\.[\w.]*$/.test(target.value.slice(0, target.selectionStart))) complete(target);
    else close();
  }
  // Nothing found, or groups that are empty now.
  const tree = target.dataset.search && byId(target.dataset.search);
  if (tree) {
    const shown = $$(".leaf", tree).filter((leaf) => !leaf.hidden).length;
    $(".none", tree).hidden = shown > 0;
    announce(`${shown} field${shown === 1 ? "" : "s"}`);
  }
});
on("keydown", (event) => {
  const tree = event.target.dataset?.filter?.split(" ")[0];
  if (!tree) return;
  const first = event.key === "ArrowDown" && $$(`${tree} .leaf`).find((leaf) => !leaf.hidden);
  if (first) event.preventDefault(), $("input", first).focus();
  if (event.key === "Escape" && event.target.value) {
    event.preventDefault();
    event.target.value = "";
    fire(event.target, "input");
  }
});

// The dialog's button says how many are chosen.
on("change", (event) => {
  const picker = event.target.closest(".picker");
  if (!picker) return;
  const button = $("[data-verb]", picker);
  const count = $$("input[name]:checked:enabled", picker).length;
  button.textContent = `${button.dataset.verb} ${count || ""} ${button.dataset.noun}${count === 1 ? "" : "s"}`;
  button.disabled = !count;
});

on("htmx:afterSwap", ({ detail }) => {
  const form = composer();
  if (detail.target.id === "composer") {
    const goal = form.dataset.focus && byId(form.dataset.focus);
    if (goal && !$("#form-errors")) goal.focus();
  }
});

// An act's answer replaces the form: what was typed while it was under way goes into the new one.
const typed = (form) => new Map($$(":is(input, select, textarea)[id]:not([type=hidden])", form)
  .map((control) => [control.id, control.type === "checkbox" ? control.checked : control.value]));
let sent, late = [];
on("htmx:configRequest", ({ detail }) => {
  if (detail.target.id === "composer") sent = typed(detail.target);
});
on("htmx:beforeSwap", ({ detail }) => {
  if (detail.target.id !== "composer") return;
  if (detail.shouldSwap) keepRegions($("#dialog")), $("#dialog").close();
  late = [...typed(detail.target)].filter(([id, value]) => sent?.get(id) !== value);
});
on("htmx:afterSettle", () => {
  for (const [id, value] of late.splice(0)) {
    const control = byId(id);
    if (!control) continue;
    control[control.type === "checkbox" ? "checked" : "value"] = value;
    fire(control, "input");
  }
  numberAll();
});
numberAll();
