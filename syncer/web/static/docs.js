"use strict";

/* Shows /openapi.json. The token stays in this page's memory and is sent to this origin only. */

const METHODS = ["get", "put", "post", "patch", "delete"];

function element(name, text, ...children) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  made.append(...children);
  return made;
}

function resolved(schema, document_, depth = 0) {
  if (Array.isArray(schema)) return schema.map((item) => resolved(item, document_, depth));
  if (schema === null || typeof schema !== "object") return schema;
  if (schema.$ref && depth < 6) {
    const name = schema.$ref.split("/").pop();
    return resolved(document_.components.schemas[name] ?? {}, document_, depth + 1);
  }
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([name]) => name !== "title")
      .map(([name, value]) => [name, resolved(value, document_, depth)]),
  );
}

function table(head, rows) {
  const made = element("table");
  made.append(element("tr", "", ...head.map((text) => element("th", text))));
  for (const row of rows) made.append(element("tr", "", ...row.map((text) => element("td", text))));
  return made;
}

function shape(title, content, document_) {
  const schema = Object.values(content ?? {})[0]?.schema;
  if (!schema) return [];
  const text = JSON.stringify(resolved(schema, document_), null, 2);
  return [element("h4", title), element("pre", text)];
}

function operation(path, method, facts, document_) {
  const made = element("details");
  const summary = element("summary");
  const name = element("span", method.toUpperCase());
  name.className = "method";
  summary.append(name, element("code", path), ` ${facts.summary ?? ""}`);
  made.append(summary);
  if (facts.description) made.append(element("p", facts.description));
  if (facts.parameters?.length) {
    made.append(table(["parameter", "in", "meaning"], facts.parameters.map((parameter) => [
      parameter.name + (parameter.required ? " *" : ""),
      parameter.in,
      parameter.description ?? JSON.stringify(resolved(parameter.schema, document_)),
    ])));
  }
  made.append(...shape("Body", facts.requestBody?.content, document_));
  for (const [status, answer] of Object.entries(facts.responses)) {
    if (status < "3") made.append(...shape(`Answer ${status}`, answer.content, document_));
  }
  const refusals = Object.keys(facts.responses).filter((status) => status >= "3");
  made.append(element("p", `Errors: ${refusals.join(", ")}`));
  return made;
}

function show(document_) {
  const groups = new Map();
  for (const [path, methods] of Object.entries(document_.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const tag = methods[method].tags?.[0] ?? "";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(path, method, methods[method], document_));
    }
  }
  const main = document.getElementById("document");
  main.replaceChildren();
  for (const [tag, operations] of groups) main.append(element("h2", tag), ...operations);
}

document.getElementById("open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const message = document.getElementById("message");
  const token = document.getElementById("token").value.trim();
  try {
    const answer = await fetch("/openapi.json", { headers: { Authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(answer.status === 401 ? "The token is not right." : `HTTP ${answer.status}`);
    show(await answer.json());
    message.textContent = "";
  } catch (error) {
    message.textContent = error.message;
  }
});
