// Fills in what only answers can tell: bytes and formats of the pictures, and what became of the attempts.
const names = { jpeg: "JPEG", png: "PNG", webp: "WebP", avif: "AVIF", gif: "GIF" };
const volume = (bytes) =>
  bytes < 1e3 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
// Rounded towards zero: nothing is ever saved whole.
const share = (part, whole) => `${(Math.trunc((1000 * part) / whole) / 10).toFixed(1)} %`;
const show = (element, text) => { element.textContent = text; };

// What the browser itself received for each picture. It may be told of after the picture is there.
const received = new Map();
const waiting = new Map();
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.initiatorType !== "img" || received.has(entry.name)) continue;
    received.set(entry.name, entry);
    waiting.get(entry.name)?.(entry);
  }
}).observe({ type: "resource", buffered: true });
const entryOf = (url) =>
  received.has(url) ? Promise.resolve(received.get(url)) : new Promise((resolve) => waiting.set(url, resolve));

// The format of a picture, where the browser does not say: asked for as it asks for pictures.
async function formatOf(url) {
  const accept = "image/avif,image/webp,image/*,*/*;q=0.8";
  return (await fetch(url, { method: "HEAD", headers: { accept } })).headers.get("content-type");
}

const sums = { originals: 0, served: 0 };
const parts = (figure) => ["served", "saved", "share"].map((name) => figure.querySelector(`.${name}`));

// Whether the picture came.
async function measure(figure) {
  const image = figure.querySelector("img");
  try {
    await image.decode();
  } catch {
    return false;
  }
  const entry = await entryOf(image.currentSrc);
  const [served, saved, portion] = parts(figure);
  const bytes = entry.encodedBodySize;
  const original = Number(figure.closest("article").dataset.original);
  const kind = entry.contentType || (await formatOf(image.currentSrc));
  const data = document.createElement("data");
  data.value = bytes;
  show(data, volume(bytes));
  served.replaceChildren(data, ` ${names[kind.replace("image/", "")] ?? kind}`);
  const less = original - bytes;
  show(saved, less < 0 ? `${volume(-less)} more` : less > 0 ? `${volume(less)} saved` : "0 B saved");
  show(portion, less < 0 ? `+${share(-less, original)}` : less > 0 ? `−${share(less, original)}` : "");
  figure.classList.toggle("heavier", less <= 0);
  sums.originals += original;
  sums.served += bytes;
  show(document.getElementById("served"), volume(sums.served));
  show(document.getElementById("saved"), volume(Math.max(0, sums.originals - sums.served)));
  show(document.getElementById("share"), share(sums.originals - sums.served, sums.originals));
  return true;
}

// Asked for all at once, some may take too long; so these are asked for again, one after another.
async function measureAll() {
  const figures = [...document.querySelectorAll("figure")];
  const came = await Promise.all(figures.map(measure));
  for (const figure of figures.filter((_, index) => !came[index])) {
    const image = figure.querySelector("img");
    received.delete(image.src);
    image.src = image.src;
    if (await measure(figure)) continue;
    const answer = await fetch(image.src, { cache: "no-store" });
    const [served, saved] = parts(figure);
    figure.classList.add("failed");
    show(served, "not made");
    show(saved, answer.headers.get("x-pinhole-reason") ?? "in time");
  }
}

async function attempt(row) {
  const { method, path, status, reason } = row.dataset;
  const [verdict, answered] = [row.querySelector(".verdict"), row.querySelector(".answer")];
  try {
    const answer = await fetch(path, { method, cache: "no-store", redirect: "manual" });
    const told = answer.headers.get("x-pinhole-reason");
    const picture = answer.headers.get("content-type")?.startsWith("image/");
    const refused = answer.status >= 400 && !picture;
    const wanted = refused && answer.status === Number(status) && told === reason;
    row.classList.add(wanted ? "good" : "bad");
    show(
      verdict,
      wanted ? "refused, as it should be" : refused ? "refused, but not as it should be" : "served, which must not be",
    );
    show(answered, `${answer.status} ${told ?? ""}`);
    return wanted;
  } catch {
    row.classList.add("bad");
    show(verdict, "no answer");
    show(answered, "");
    return false;
  }
}

async function attemptAll() {
  const outcomes = await Promise.all([...document.querySelectorAll("tbody tr")].map(attempt));
  const good = outcomes.filter(Boolean).length;
  const all = good === outcomes.length;
  for (const id of ["outcome", "refusals"]) document.getElementById(id).classList.toggle("alarm", !all);
  show(document.getElementById("refusals"), `${good} of ${outcomes.length}`);
  show(
    document.getElementById("outcome"),
    all
      ? `Your browser has just tried these ${good}. Every one was refused, for the reason that it should be.`
      : `Something is wrong: only ${good} of these ${outcomes.length} were refused as they should be.`,
  );
}

const main = document.querySelector("main");
main.setAttribute("aria-busy", "true");
await Promise.allSettled([measureAll(), attemptAll()]);
main.setAttribute("aria-busy", "false");
