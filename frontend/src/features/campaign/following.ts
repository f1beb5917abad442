/**
 * What WhatsApp's server took and the state of numbers have no events of their own, but follow those that do:
 * they are asked for soon after something was told, then ever more rarely.
 */
const STEPS_MS = [5_000, 10_000, 20_000, 40_000] as const;

export class Following {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private step = 0;

  constructor(private readonly ask: () => void) {}

  /** Something happened. While much happens it is asked for at every first step. */
  told(): void {
    if (this.timer !== undefined && this.step === 0) return;
    clearTimeout(this.timer);
    this.step = 0;
    this.wait();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private wait(): void {
    const delay = STEPS_MS[this.step];
    if (delay === undefined) {
      this.timer = undefined;
      return;
    }
    this.timer = setTimeout(() => {
      this.ask();
      this.step += 1;
      this.wait();
    }, delay);
  }
}
