import { BASE_PAGE_STYLE } from "../../http/pageStyle";

/**
 * The style of a flow's pages. Where there is room, the wallet on another device is the emphasised way: whoever sits at a
 * large screen has the wallet on a phone.
 */
export const FLOW_STYLE = `${BASE_PAGE_STYLE}
main>:last-child,form>:last-child,section>:last-child{margin-bottom:0}
p,dl{margin:0 0 1rem}
.asked{margin:0 0 1.25rem;padding:.875rem 1rem;border-radius:.625rem;background:var(--ground);font-weight:400}
.asked p{margin:0}
.asked .what{font-size:1.1875rem;font-weight:600}
.claims{color:var(--faint)}
main:is([data-status=initiated],[data-status=waiting],[data-status=returned]) #state{padding:0;border:0;background:none}
form{margin:0}
button{font:inherit;cursor:pointer;width:100%}
.button{margin:0 0 .75rem}
.button.second{background:var(--paper);color:var(--accent)}
.code{margin-bottom:1rem;border:1px solid var(--ground)}
.other{margin-top:1.25rem}
main[data-status=error] #state{border-color:var(--bad)}
main[data-status=succeeded] #state{border-color:var(--good)}
.sign{display:block;width:3.5rem;height:3.5rem;margin:0 0 1rem;color:var(--bad)}
main[data-status=succeeded] .sign{color:var(--good)}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.375rem 1rem;margin:0 0 1.5rem}
.facts dt{color:var(--faint)}
.facts dd{margin:0}
@media (min-width:34rem){
.choice .button{background:var(--accent);color:var(--on-accent)}
.choice .button.first{background:var(--paper);color:var(--accent)}
}
`;

/** The script of a flow's pages: asks for the status, and loads the page again once it is another. */
export const FLOW_SCRIPT = `"use strict";
(function () {
  var until = document.getElementById("until");
  if (until) until.textContent = new Date(until.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  var main = document.querySelector("main[data-follow]");
  // A page that the browser had put away shows an old state.
  window.addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  if (!main) return;
  // A little more than the verifier is asked at most, so that no poll comes too early.
  var pauseMs = Number(main.dataset.pause) + 50;
  var failures = 0;

  function follow() {
    fetch(main.dataset.follow, { cache: "no-store", credentials: "same-origin" })
      .then(function (response) {
        // This browser has lost its cookie: the page says so.
        if (response.status === 404) return location.reload();
        if (!response.ok) throw new Error("status " + response.status);
        return response.json();
      })
      .then(function (answer) {
        if (answer === undefined) return;
        failures = 0;
        if (answer.status !== main.dataset.status) return location.reload();
        setTimeout(follow, pauseMs);
      })
      .catch(function () {
        // The network of a phone that was in another app comes back by itself.
        failures += 1;
        setTimeout(follow, Math.min(pauseMs * Math.pow(2, failures), 15000));
      });
  }
  setTimeout(follow, pauseMs);
})();
`;
