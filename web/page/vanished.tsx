/** What stands in the evidence for something that is not in the answer. */

/** For a link to something that the fleet no longer has, or that the query does not cover. */
export function Vanished({ what }: { readonly what: string }) {
  return <p class="quiet">This {what} is not in the answer any more.</p>;
}
