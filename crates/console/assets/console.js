// What a page can do besides, where the browser runs scripts. Every page works without.
"use strict";

const said = document.getElementById("said");

function say(text) {
  said.textContent = text;
}

// Buttons that copy an id or a command.
function addCopyButtons(root) {
  if (!navigator.clipboard) {
    return;
  }
  for (const source of root.querySelectorAll("[data-copy]")) {
    const text = source.dataset.copy;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "copy";
    button.setAttribute("aria-label", source.tagName === "PRE" ? "copy the text" : `copy ${text}`);
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(text).then(
        () => say("Copied."),
        () => say("The browser did not allow copying."),
      );
    });
    source.after(" ", button);
  }
}

// One box that ticks all boxes of a table.
function addChooseAll() {
  for (const table of document.querySelectorAll("table")) {
    const boxes = [...table.querySelectorAll("input[type=checkbox]")];
    if (boxes.length < 2) {
      continue;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = `Select these ${boxes.length}`;
    button.addEventListener("click", () => {
      const choose = boxes.some((box) => !box.checked);
      boxes.forEach((box) => { box.checked = choose; });
      say(choose ? `${boxes.length} selected.` : "None selected.");
    });
    table.parentElement.before(button);
  }
}

// Keys. None of them does anything that a link or a button does not do.
const PLACES = { d: "/dead", e: "/events", l: "/live", r: "/replays", w: "/wallets", c: "/corrections", p: "/products", a: "/audit", m: "/me" };
const HELP = [
  ["?", "this list"], ["/", "search"], ["j and k", "next and previous row"], ["x", "select the row"],
  ["Enter", "open the row"], ["g then d", "dead letters"], ["g then e", "events"], ["g then l", "live"],
  ["g then r", "replays"], ["g then w", "wallets"], ["g then c", "corrections"], ["g then p", "products"],
  ["g then a", "audit"], ["g then m", "what I may do"],
];
let awaitsPlace = false;

function showHelp() {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys";
  const list = document.createElement("dl");
  for (const [key, meaning] of HELP) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    const about = document.createElement("dd");
    term.textContent = key;
    about.textContent = meaning;
    row.append(term, about);
    list.append(row);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before.focus();
  });
  dialog.append(title, list, close);
  document.body.append(dialog);
  dialog.showModal();
}

function moveRow(step) {
  const rows = [...document.querySelectorAll("main tbody tr")];
  if (rows.length === 0) {
    return;
  }
  const now = rows.findIndex((row) => row.classList.contains("chosen"));
  const next = Math.min(Math.max(now + step, 0), rows.length - 1);
  rows.forEach((row, place) => row.classList.toggle("chosen", place === next));
  const target = rows[next].querySelector("a, input, button");
  if (target) {
    target.focus();
  }
}

function isTyping(target) {
  return target.closest("input, select, textarea, dialog") !== null && target.type !== "checkbox";
}

document.addEventListener("keydown", (event) => {
  const keysAreOff = document.documentElement.dataset.keys === "off";
  if (keysAreOff || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  if (awaitsPlace) {
    awaitsPlace = false;
    if (PLACES[event.key]) {
      event.preventDefault();
      location.assign(PLACES[event.key]);
    }
    return;
  }
  const box = () => document.querySelector("tr.chosen input[type=checkbox]");
  const actions = {
    "?": showHelp,
    "/": () => document.getElementById("site-search")?.focus(),
    "j": () => moveRow(1),
    "k": () => moveRow(-1),
    "x": () => box()?.click(),
    "g": () => { awaitsPlace = true; },
  };
  const act = actions[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

// A text that changes: it is asked for again while somebody can see it. The page is loaded again when it stands otherwise.
function watch(shown) {
  let state = null;
  const look = async () => {
    if (document.hidden) {
      return;
    }
    try {
      const answer = await fetch(location.href, { headers: { Accept: "application/json" } });
      const news = answer.ok ? await answer.json() : null;
      if (news && shown.textContent !== news[shown.dataset.watched]) {
        shown.textContent = news[shown.dataset.watched];
      }
      state ??= news?.state;
      const isOther = news && (!news.is_running || news.state !== state);
      if (isOther && !document.activeElement.closest("form")) {
        location.reload();
      }
    } catch {
      say("The console does not answer. This page tries again.");
    }
  };
  look();
  setInterval(look, 2000);
}

document.querySelectorAll("[data-watched]").forEach(watch);
addCopyButtons(document);
addChooseAll();
