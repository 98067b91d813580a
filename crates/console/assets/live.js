// A page that stays open, such as /live. Its server sends parts of the page as trees,
// ["td", {"class": "number"}, child, ...] or a text, and they are built element by element: no markup is parsed here.
const SVG = "http://www.w3.org/2000/svg";
const NAMES = new Set([
  "a", "caption", "dd", "div", "dl", "dt", "h2", "li", "p", "polyline", "rect", "section", "span", "strong", "svg",
  "table", "tbody", "td", "th", "thead", "tr", "ul",
]);
const TRY_AGAIN_MS = 10000;

function namespaceOf(name, parent) {
  return name === "svg" || parent.namespaceURI === SVG ? SVG : parent.namespaceURI;
}

function build(tree, parent) {
  if (typeof tree === "string") {
    return document.createTextNode(tree);
  }
  const [name] = tree;
  if (!NAMES.has(name)) {
    throw new Error(`no part of a page: ${name}`);
  }
  const element = document.createElementNS(namespaceOf(name, parent), name);
  patch(element, tree);
  return element;
}

function isLike(node, tree) {
  return typeof tree === "string" ? node.nodeType === Node.TEXT_NODE : node.localName === tree[0];
}

// Makes an element what a tree says. What is alike stays the same element, so that it keeps the focus.
function patch(element, [, attributes, ...children]) {
  for (const { name } of [...element.attributes]) {
    if (!(name in attributes)) {
      element.removeAttribute(name);
    }
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value && !name.startsWith("on")) {
      element.setAttribute(name, value);
    }
  }
  children.forEach((child, place) => {
    const node = element.childNodes[place];
    if (node === undefined) {
      element.append(build(child, element));
    } else if (!isLike(node, child)) {
      node.replaceWith(build(child, element));
    } else if (typeof child !== "string") {
      patch(node, child);
    } else if (node.data !== child) {
      node.data = child;
    }
  });
  while (element.childNodes.length > children.length) {
    element.lastChild.remove();
  }
}

function keysOfTree(tree) {
  if (typeof tree === "string") {
    return [];
  }
  const [, attributes, ...children] = tree;
  const own = "data-key" in attributes ? [attributes["data-key"]] : [];
  return own.concat(...children.map(keysOfTree));
}

// Whether the same rows are in the same places, so that nothing moves under a pointer.
function hasSameRows(element, tree) {
  const now = [...element.querySelectorAll("[data-key]")].map((row) => row.dataset.key);
  const then = keysOfTree(tree);
  return now.length === then.length && now.every((key, place) => key === then[place]);
}

function isInUse(element) {
  return element.matches(":hover") || element.contains(document.activeElement);
}

// Keeps a page up to date, as long as somebody can see it.
function keepLive(root) {
  const state = document.getElementById("live-said");
  const button = document.getElementById("live-pause");
  const held = new Map();
  let source = null;
  let isPaused = false;
  let isOver = false;
  let again = 0;

  function tell(text) {
    if (state.textContent !== text) {
      state.textContent = text;
    }
  }

  function show(id, tree) {
    const element = document.getElementById(id);
    if (element === null) {
      return;
    }
    if (isInUse(element) && !hasSameRows(element, tree)) {
      held.set(id, tree);
      return;
    }
    held.delete(id);
    patch(element, tree);
  }

  function release() {
    for (const [id, tree] of held) {
      show(id, tree);
    }
  }

  function close() {
    clearTimeout(again);
    source?.close();
    source = null;
  }

  function open() {
    if (source !== null || isPaused || isOver || document.hidden) {
      return;
    }
    source = new EventSource(root.dataset.stream);
    source.addEventListener("live", (event) => {
      const { title, parts } = JSON.parse(event.data);
      document.title = title;
      Object.entries(parts).forEach(([id, tree]) => show(id, tree));
      tell("Live: the figures change by themselves.");
    });
    source.addEventListener("ended", () => {
      isOver = true;
      close();
      tell("Your session is over: sign in again to see new figures.");
    });
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) {
        // Refused, for instance because four other pages of yours are live.
        close();
        tell("These figures stand still. Look again, or close other live pages of yours.");
        again = setTimeout(open, TRY_AGAIN_MS);
      } else {
        tell("The console does not answer: these figures stand still until it does.");
      }
    });
  }

  button.hidden = false;
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.setAttribute("aria-pressed", String(isPaused));
    if (isPaused) {
      close();
      tell("Paused: these figures stand still.");
    } else {
      open();
    }
  });
  root.addEventListener("pointerleave", release);
  root.addEventListener("pointerover", release);
  root.addEventListener("focusout", () => setTimeout(release));
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

document.querySelectorAll("[data-stream]").forEach(keepLive);
