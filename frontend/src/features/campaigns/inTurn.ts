import { ApiError } from '../../api/errors';
import { allowance } from '../../api/throttle';

/** One after the other; where the plan's rate is used up it waits and goes on. Stops at a refusal. */
export async function inTurn<Item>(
  items: readonly Item[],
  each: (item: Item) => Promise<unknown>,
  onDone: (count: number) => void,
): Promise<void> {
  let done = 0;
  for (const item of items) {
    for (;;) {
      await allowance();
      try {
        await each(item);
        break;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 429) throw error;
      }
    }
    done += 1;
    onDone(done);
  }
}
