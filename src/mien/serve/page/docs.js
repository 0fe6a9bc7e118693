// Lists what /openapi.json says, without a library from elsewhere.

const METHODS = ["get", "post"];

function make(name, text, ...children) {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

function row(...cells) {
  return make("tr", "", ...cells.map((cell) => make("td", cell)));
}

function table(caption, rows) {
  return rows.length ? make("table", "", make("caption", caption), ...rows) : "";
}

function address(path, method, told) {
  const parameters = (told.parameters ?? []).map((one) => row(one.name, one.description ?? one.schema.type ?? ""));
  const bodies = Object.keys(told.requestBody?.content ?? {}).map((kind) => row(kind, told.requestBody.description ?? ""));
  const answers = Object.entries(told.responses ?? {}).map(([status, one]) => row(status, one.description ?? ""));
  return make("section", "",
    make("h2", `${method.toUpperCase()} ${path}`),
    make("p", told.description ?? told.summary ?? ""),
    make("p", told.security ? "Needs the token: Authorization: Bearer TOKEN" : "Open."),
    table("Parameters", parameters), table("Body", bodies), table("Answers", answers));
}

const answer = await fetch("/openapi.json");
const whole = await answer.json();
document.getElementById("about").textContent = `${whole.info.description} mien ${whole.info.version}.`;
for (const [path, methods] of Object.entries(whole.paths)) {
  for (const method of METHODS.filter((name) => name in methods)) {
    document.getElementById("addresses").append(address(path, method, methods[method]));
  }
}
