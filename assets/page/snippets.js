/**
 * The request in other words: a shell line and a JavaScript program. Plain functions from values to text.
 * @typedef {{origin: string, path: string, fields: Record<string, string>, name: string, sample: boolean, keyed: boolean}} Asked
 */

/**
 * @param {Asked} asked
 * @returns {string}
 */
export function curlSnippet({ origin, path, fields, name, sample, keyed }) {
  const lines = [`curl ${inShell(origin + path)}`];
  if (keyed) lines.push('-H "Authorization: Bearer $OCELLUS_API_KEY"');
  lines.push(`-F ${inShell(`image=@${inForm(name)}`)}`);
  for (const [field, value] of Object.entries(fields)) lines.push(`-F ${inShell(`${field}=${value}`)}`);
  const upload = lines.join(" \\\n  ");
  return sample ? `curl -O ${inShell(`${origin}/assets/samples/${name}`)}\n${upload}` : upload;
}

/**
 * @param {Asked} asked
 * @returns {string}
 */
export function fetchSnippet({ origin, path, fields, name, sample, keyed }) {
  const source = sample
    ? `await (await fetch(server + ${inScript(`/assets/samples/${name}`)})).blob()`
    : `document.querySelector("input[type=file]").files[0]`;
  const options = Object.entries(fields).map(([field, value]) => `body.append(${inScript(field)}, ${inScript(value)});`);
  const headers = keyed ? ", headers: { authorization: `Bearer ${key}` }" : "";
  return [
    `const server = ${inScript(origin)};`,
    `const picture = ${source};`,
    `const body = new FormData();`,
    `body.append("image", picture, ${inScript(name)});`,
    ...options,
    `const response = await fetch(server + ${inScript(path)}, { method: "POST", body${headers} });`,
    `const answer = await response.json();`,
  ].join("\n");
}

/**
 * Indented, but with each box, keypoint and matrix row on one line: an answer is read, not counted in lines.
 * @param {unknown} value
 * @returns {string}
 */
export function readableJson(value, indent = "") {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const isList = Array.isArray(value);
  const parts = isList ? value : Object.entries(value);
  const [open, close] = isList ? "[]" : "{}";
  const flat = isList ? value : Object.values(value);
  const text = (part, deeper) =>
    isList ? readableJson(part, deeper) : `${JSON.stringify(part[0])}: ${readableJson(part[1], deeper)}`;
  const onOneLine = flat.every((part) => part === null || typeof part !== "object") && JSON.stringify(value).length <= 76;
  if (onOneLine) return open + (isList ? "" : " ").repeat(flat.length ? 1 : 0) + parts.map((part) => text(part, "")).join(", ") +
    (isList ? "" : " ").repeat(flat.length ? 1 : 0) + close;
  const deeper = `${indent}  `;
  return `${open}\n${parts.map((part) => deeper + text(part, deeper)).join(",\n")}\n${indent}${close}`;
}

/** Single quotes hold everything but themselves. */
function inShell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** curl reads a file name up to `,` or `;` unless it stands in double quotes. */
function inForm(name) {
  return /[,;"\\]/.test(name) ? `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"` : name;
}

function inScript(text) {
  return JSON.stringify(text);
}
