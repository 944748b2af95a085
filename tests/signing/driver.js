// tests/signing.rs puts this behind the document's `sign`: prints what becomes of every vector.
const vectors = JSON.parse(require("node:fs").readFileSync(process.argv[2], "utf8"));

function told({ host, path, parameters, exp, kid, free }) {
  const key = Buffer.from(vectors.keys[kid], "hex");
  try {
    return sign(key, host, path, parameters, exp, kid, free);
  } catch {
    return null;
  }
}

console.log(JSON.stringify({ signed: vectors.signed.map(told), refused: vectors.refused.map(told) }));
