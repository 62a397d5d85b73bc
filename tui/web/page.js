// Runs before the terminal's own script: it takes the address of the console's WebSocket from this element.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const address = new URL("ws", window.location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = "";
  document.getElementById("terminal").dataset.sessionWebsocketUrl = address.href;
  document.getElementById("again").addEventListener("click", () => window.location.reload());
  // A terminal measures its cells once; the font must be there by then.
  document.fonts.load('15px "Roboto Mono"');
});
