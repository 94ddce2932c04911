/** The stickiness methods of the virtual router, with their parameters. */
export const stickinessMethods: Readonly<Record<string, ReadonlyArray<string>>> = {
  LbCookie: ["cookie-name", "mode", "nocache", "indirect", "postonly", "domain"],
  AppCookie: ["cookie-name", "length", "holdtime", "request-learn", "prefix", "mode"],
  SourceBased: ["tablesize", "expire"]
}
