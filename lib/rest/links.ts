/** The addresses of resources, as answers of v3 name them. */
export interface Links {
  /** The address of a path; each segment is encoded. */
  url(...segments: readonly (string | number)[]): string;
}

/** @param base the address of the server without a slash at its end */
export function linksFrom(base: string): Links {
  return { url: (...segments) => `${base}/${segments.map((one) => encodeURIComponent(one)).join('/')}` };
}

/** Confluent's resource name: `crn:///kafka=ID/topic=NAME`. */
export function crn(...parts: readonly (readonly [string, string | number])[]): string {
  return `crn:///${parts.map(([type, name]) => `${type}=${encodeURIComponent(name)}`).join('/')}`;
}
