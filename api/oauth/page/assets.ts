import { BASE_PAGE_STYLE } from "../../http/pageStyle";
import { AUTO_RETURN_SECONDS, STATUS_TEXTS } from "./texts";

/** The page's style. Where there is room the code comes first: whoever sits at a large screen has the wallet on a phone. */
export const PAGE_STYLE = `${BASE_PAGE_STYLE}
main>:last-child,#wallet>:last-child,.there>:last-child{margin-bottom:0}
.ways{display:flex;flex-direction:column;gap:1rem}
.ways p{margin:0 0 .5rem}
@media (min-width:34rem){
.there{order:-1}
.here .button{background:var(--paper);color:var(--accent)}
}
`;

/** The page's script: follows the status, shows it, and returns to the client when the verification is over. */
export const PAGE_SCRIPT = `"use strict";
(function () {
  var main = document.querySelector("main[data-follow]");
  if (!main) return;
  var texts = ${JSON.stringify(STATUS_TEXTS)};
  var autoReturnSeconds = ${JSON.stringify(AUTO_RETURN_SECONDS)};
  var pauseMs = 1000;

  function show(status) {
    if (main.dataset.status === status) return;
    main.dataset.status = status;
    document.getElementById("heading").textContent = texts[status].heading;
    document.getElementById("state").textContent = texts[status].text;
    document.getElementById("wallet").hidden = status !== "authorized";
    document.getElementById("on").hidden = ["verified", "failed", "expired"].indexOf(status) < 0;
    document.title = texts[status].heading + document.title.slice(document.title.indexOf(" - "));
    document.getElementById("heading").focus();
  }

  function goBack() { location.replace(main.dataset.finish); }

  function act(status) {
    show(status);
    if (status in autoReturnSeconds) setTimeout(goBack, autoReturnSeconds[status] * 1000);
    else if (status === "authorized" || status === "pending") follow();
  }

  function follow() {
    var known = encodeURIComponent(main.dataset.status);
    fetch(main.dataset.follow + "?known=" + known, { cache: "no-store", credentials: "same-origin" })
      .then(function (response) {
        // It is forgotten, or this browser has lost its cookie: the page says so.
        if (response.status === 404) return location.replace(main.dataset.page);
        if (!response.ok) throw new Error("status " + response.status);
        return response.json();
      })
      .then(function (answer) {
        if (answer === undefined) return;
        pauseMs = 1000;
        act(answer.status);
      })
      .catch(function () {
        // The network of a phone that was in another app comes back by itself.
        pauseMs = Math.min(pauseMs * 2, 15000);
        setTimeout(follow, pauseMs);
      });
  }

  // Phones drop a page while the wallet is in front and load its address again: that must not begin anew.
  history.replaceState(null, "", main.dataset.page);
  var until = document.getElementById("until");
  if (until) until.textContent = new Date(until.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  // A page that the browser had put away shows an old state: ask at once.
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  act(main.dataset.status);
})();
`;
