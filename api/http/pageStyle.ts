/**
 * The style that the pages of verifications share. Colours follow the person's light or dark preference; contrast is at
 * least 4.5:1 in both. A QR code is black on white in both: scanners want it so.
 */
export const BASE_PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2330;--faint:#5a6373;--ground:#eef0f4;--accent:#1f4fc4;--on-accent:#fff;--bad:#b3261e;--good:#1d7a43}
@media (prefers-color-scheme:dark){:root{--paper:#1b2029;--ink:#eceff4;--faint:#a9b2c1;--ground:#11151b;--accent:#8fb0ff;--on-accent:#11151b;--bad:#ff8a80;--good:#6fd39a}}
*{box-sizing:border-box}
body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;background:var(--paper);color:var(--ink);overflow-wrap:anywhere}
main{max-width:30rem;margin:0 auto;padding:1.25rem 1.5rem;background:var(--paper)}
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}
h1:focus{outline:none}
.asked{padding-left:1.25rem;font-weight:600}
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
}
`;
