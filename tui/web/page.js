// Runs before the terminal's own script: it takes the address of the console's WebSocket from this element. It also
// does what that script leaves out: the keyboard from the start, the bell, notifications, and ctrl+c for selected text.
"use strict";

const NOTICE = "\x1b]9;prism: ";
const TITLE = document.title;
let sound = null;
let asks = false;

// A browser starts sounds only in a page that the user has touched.
const ring = () => {
  if (!document.hasFocus()) {
    document.title = `♪ ${TITLE}`;
  }
  sound = sound ?? new AudioContext();
  sound.resume();
  const tone = sound.createOscillator();
  const volume = sound.createGain();
  volume.gain.value = 0.1;
  tone.frequency.value = 880;
  tone.connect(volume).connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.15);
};

const notice = (text) => {
  if (window.Notification?.permission === "granted") {
    new Notification(TITLE, { body: text });
  } else {
    // Until the user allows notifications. Browsers let a page ask only while a key or the mouse is used.
    asks = window.Notification?.permission === "default";
    ring();
  }
};

const hear = (data) => {
  if (!(data instanceof ArrayBuffer)) {
    return;
  }
  // The console writes each in one piece. Elsewhere the same byte ends control sequences.
  const bytes = new Uint8Array(data);
  if (bytes.length === 1 && bytes[0] === 7) {
    ring();
  } else if (bytes[0] === 27 && bytes.length < 4096) {
    const text = new TextDecoder().decode(bytes);
    if (text.startsWith(NOTICE)) {
      notice(text.slice(NOTICE.length, -1));
    }
  }
};

window.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", (event) => hear(event.data));
    this.addEventListener("close", (event) => {
      document.getElementById("why").textContent = event.reason;
    });
  }
};

// The console hears of the focus only once it runs: take it anew then.
const takeKeyboard = () => {
  const entry = document.querySelector(".xterm-helper-textarea");
  entry?.blur();
  entry?.focus();
};

// The terminal sends ctrl+c to the console even if text is selected. Its own handler of copies knows the selection.
const copied = () => {
  let done = false;
  const look = (event) => {
    done = event.defaultPrevented;
  };
  document.addEventListener("copy", look, { once: true });
  document.execCommand("copy");
  document.removeEventListener("copy", look);
  return done;
};

document.addEventListener("DOMContentLoaded", () => {
  const address = new URL("ws", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  document.getElementById("terminal").dataset.sessionWebsocketUrl = address.href;
  const again = document.getElementById("again");
  again.addEventListener("click", () => window.location.reload());
  // A terminal measures its cells once; the font must be there by then.
  document.fonts.load('15px "Roboto Mono"');
  const states = document.body.classList;
  let drawn = false;
  new MutationObserver(() => {
    if (states.contains("-closed")) {
      again.focus();
    } else if (states.contains("-first-byte") && !drawn) {
      drawn = true;
      takeKeyboard();
    }
  }).observe(document.body, { attributeFilter: ["class"] });
});

window.addEventListener("focus", () => {
  document.title = TITLE;
});

window.addEventListener(
  "keydown",
  (event) => {
    if (asks) {
      asks = false;
      Notification.requestPermission();
    }
    if (event.ctrlKey && event.key === "c" && !event.altKey && !event.metaKey && copied()) {
      event.preventDefault();
      event.stopPropagation();
    }
  },
  true,
);
