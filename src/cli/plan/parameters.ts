/** How the parameters of a call are shown. */

export const parametersOf = (parameters: Readonly<Record<string, string>>): string =>
  Object.entries(parameters)
    .map(
      ([name, value]) => `${name}=${/[\s"]/.test(value) && !value.startsWith("(new ") ? JSON.stringify(value) : value}`
    )
    .join(" ")
