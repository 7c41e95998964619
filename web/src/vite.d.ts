/** Addresses that the build makes. */
declare module "*?worker&url" {
  const address: string;
  export default address;
}
