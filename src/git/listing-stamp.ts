import { digestOf } from "../identity/identity.ts";

/** Up to here a listing is kept as it is: comparing it needs no cryptography, which takes longer to load than to use. */
const SHORT_BYTES = 256 * 1_024;

/** A text that is equal for equal listings only: a short one itself, byte for byte, else its digest. */
export function listingStamp(listing: Buffer): string {
  return listing.length <= SHORT_BYTES ? listing.toString("latin1") : digestOf(listing);
}
