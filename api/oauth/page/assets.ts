import { AUTO_RETURN_SECONDS, STATUS_TEXTS } from "./texts";

/**
 * The page's style. Colours follow the person's light or dark preference; contrast is at least 4.5:1 in both. Where
 * there is room the code comes first: whoever sits at a large screen has the wallet on a phone. The code is black on
 * white in both: scanners want it so.
 */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2330;--faint:#5a6373;--ground:#eef0f4;--accent:#1f4fc4;--on-accent:#fff;--bad:#b3261e;--good:#1d7a43}
@media (prefers-color-scheme:dark){:root{--paper:#1b2029;--ink:#eceff4;--faint:#a9b2c1;--ground:#11151b;--accent:#8fb0ff;--on-accent:#11151b;--bad:#ff8a80;--good:#6fd39a}}
*{box-sizing:border-box}
body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
main{max-width:30rem;margin:0 auto;padding:1.25rem 1.5rem;background:var(--paper)}
main>:last-child,#wallet>:last-child,.there>:last-child{margin-bottom:0}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
h1:focus{outline:none}
.asked{padding-left:1.25rem;font-weight:600}
.ways{display:flex;flex-direction:column;gap:1rem}
.ways p{margin:0 0 .5rem}
.button{display:block;padding:.75rem 1rem;border:2px solid var(--accent);border-radius:.625rem;background:var(--accent);color:var(--on-accent);font-weight:600;text-align:center;text-decoration:none}
.button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}
.code{max-width:18rem;margin:0 auto;background:#fff;border-radius:.625rem;overflow:hidden}
.code svg{display:block;width:100%;height:auto}
#state{margin:0 0 1rem;padding:.625rem 1rem;border-left:.25rem solid var(--accent);background:var(--ground);border-radius:.25rem}
main[data-status=failed] #state,main[data-status=expired] #state{border-color:var(--bad)}
main[data-status=verified] #state{border-color:var(--good)}
.fine{color:var(--faint);font-size:.875rem}
[hidden]{display:none}
@media (min-width:34rem){
body{background:var(--ground)}
main{margin:2rem auto;padding:2rem;border-radius:1rem}
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
