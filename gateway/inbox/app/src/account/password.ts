/** The shortest password, in characters; the server has the last word. */
export const LEAST_PASSWORD = 8;
