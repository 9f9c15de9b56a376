
"use strict";
const facts = JSON.parse(document.getElementById("facts").textContent);
const { nodes, edges } = facts;
const query = document.getElementById("query");
const odd = document.getElementById("odd");
const main = document.getElementById("teams");
const found = document.getElementById("found");
const MOST_OPEN = 10;
const KINDS = { account: "pods of", pipeline: "outside of the clusters:", stranger: "", resource: "" };

const into = new Map(), out = new Map();
const add = (map, key, value) => map.has(key) ? map.get(key).push(value) : map.set(key, [value]);
for (const edge of edges) {
  if (nodes[edge.to].kind === "identity") add(into, edge.to, edge);
  else add(out, edge.from, edge);
}
const identities = nodes.map((node, at) => [node, at]).filter(([node]) => node.kind === "identity");
const texts = nodes.map((node) => `${node.name}\n${node.detail}`.toLowerCase());

// Every text of a profile or a server becomes a text node: none is read as HTML.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function marked(text, words) {
  const at = words === "" ? -1 : text.toLowerCase().indexOf(words);
  if (at < 0 || text.toLowerCase().length !== text.length) return [text];
  const end = at + words.length;
  return [text.slice(0, at), make("mark", {}, text.slice(at, end)), text.slice(end)];
}

const pill = (state) => make("span", { class: `state ${state}` }, state);

// The nodes that a query means: what has it in its name, and wider scopes around such a resource.
function meant(words) {
  const hits = new Set();
  texts.forEach((text, at) => { if (text.includes(words)) hits.add(at); });
  nodes.forEach((node, at) => { if ((node.holds || []).some((inner) => hits.has(inner))) hits.add(at); });
  return hits;
}

// Which accounts and resources of an identity a query leaves: pairs of which one side or what is between is meant.
function chosen(node, at, words, hits) {
  const all = { who: into.get(at) || [], reach: out.get(at) || [] };
  const whole = words === "" || hits.has(at) || (node.team || "").toLowerCase().includes(words);
  if (whole) return all;
  const who = all.who.filter((edge) => hits.has(edge.from) || edge.by.toLowerCase() === words);
  const reach = all.reach.filter((edge) => hits.has(edge.to) || edge.by.toLowerCase().includes(words));
  if (who.length === 0 && reach.length === 0) return null;
  if (who.length > 0 && reach.length > 0) return { who: all.who, reach: all.reach };
  return reach.length > 0 ? { who: all.who, reach } : { who, reach: all.reach };
}

const isOdd = (edge) => edge.state !== "exists" || !["exists", null].includes(nodes[edge.from].state);

function item(edge, at, words) {
  const node = nodes[at];
  const state = edge.state === "exists" && node.kind !== "resource" && node.state ? node.state : edge.state;
  const kind = KINDS[node.kind];
  const narrowed = edge.condition ? [make("span", { class: "by" }, `if ${edge.condition}`)] : [];
  const owner = node.kind === "account" && node.team ? { "data-team": node.team } : {};
  return make("li", { class: state, title: node.detail, [`data-${node.kind}`]: node.name, ...owner },
    make("i", {}), kind ? make("span", { class: "kind" }, `${kind} `) : null, ...marked(node.name, words), " ", pill(state),
    make("span", { class: "by" }, node.kind === "resource" ? "as " : "by credential ", ...marked(edge.by, words)), ...narrowed);
}

function list(className, all, end, nothing, words) {
  const sorted = [...all].sort((one, other) => nodes[one[end]].name < nodes[other[end]].name ? -1 : 1);
  const items = sorted.map((edge) => item(edge, edge[end], words));
  if (items.length === 0) items.push(make("li", { class: "none" }, nothing));
  return make("ul", { class: className }, ...items);
}

function chain(node, shown, words) {
  return make("div", { class: "chain" },
    list("who", shown.who, "from", "nobody that was read", words),
    make("div", { class: "identity", title: node.detail, "data-identity": node.name },
      make("i", { class: "in" }), ...marked(node.name, words), " ", pill(node.state), make("i", { class: "out" })),
    list("reach", shown.reach, "to", "no role that was read", words));
}

const many = (number, one, more) => `${number} ${number === 1 ? one : more}`;

function team(name, chains, words) {
  const who = new Set(), reach = new Set();
  let red = 0;
  for (const [, shown] of chains) {
    shown.who.forEach((edge) => { who.add(edge.from); red += edge.state === "foreign" ? 1 : 0; });
    shown.reach.forEach((edge) => reach.add(edge.to));
  }
  const counts = [many(who.size, "caller", "callers"), many(chains.length, "identity", "identities"), many(reach.size, "resource", "resources")];
  return make("details", { class: "team", "data-team": name },
    make("summary", {}, make("b", {}, ...marked(name, words)), make("span", { class: "count" }, counts.join(", ")),
      red > 0 ? make("span", { class: "red" }, `${red} foreign`) : null),
    ...chains.map(([node, shown]) => chain(node, shown, words)));
}

function draw() {
  const words = query.value.trim().toLowerCase();
  const hits = meant(words);
  const teams = new Map(), who = new Set(), reach = new Set();
  for (const [node, at] of identities) {
    let shown = chosen(node, at, words, hits);
    if (shown !== null && odd.checked) {
      shown = { who: shown.who.filter(isOdd), reach: shown.reach.filter((edge) => edge.state !== "exists") };
      if (shown.who.length + shown.reach.length === 0 && node.state === "exists") shown = null;
    }
    if (shown === null) continue;
    shown.who.forEach((edge) => who.add(edge.from));
    shown.reach.forEach((edge) => reach.add(edge.to));
    add(teams, node.team || "(no team)", [node, shown]);
  }
  const sorted = [...teams].sort(([one], [other]) => one < other ? -1 : 1);
  main.replaceChildren(...sorted.map(([name, chains]) => team(name, chains, words)));
  if (sorted.length <= MOST_OPEN || words !== "") unfold(true);
  const others = [[facts.other_teams, "other team", "other teams"], [facts.other_clusters, "other cluster", "other clusters"]]
    .filter(([number]) => number > 0).map(([number, one, more]) => many(number, one, more));
  const left = others.length > 0 ? ` Not looked at: ${others.join(" and ")}.` : "";
  const total = `${many(who.size, "caller", "callers")}, ${many(reach.size, "resource", "resources")} in ${many(sorted.length, "team", "teams")}.`;
  found.textContent = (sorted.length === 0 ? "Nothing here has that in its name." : total) + left;
}

function unfold(open) {
  for (const details of main.children) details.open = open;
}

function fromAddress() {
  const given = new URLSearchParams(location.hash.slice(1)).get("q");
  query.value = given || "";
  draw();
}

query.addEventListener("input", () => {
  const words = query.value.trim();
  history.replaceState(null, "", words === "" ? "#" : `#${new URLSearchParams({ q: words })}`);
  draw();
});
odd.addEventListener("change", draw);
document.getElementById("unfold").addEventListener("click", () => unfold(true));
document.getElementById("fold").addEventListener("click", () => unfold(false));
addEventListener("hashchange", fromAddress);
addEventListener("beforeprint", () => unfold(true));
document.getElementById("estate").textContent = `estate ${facts.estate}`;
document.title = `${facts.estate}: who can become whom`;
const gaps = document.getElementById("gaps");
gaps.hidden = facts.not_read.length === 0;
gaps.querySelector("ul").append(...facts.not_read.map((line) => make("li", {}, line)));
fromAddress();
