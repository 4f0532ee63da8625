import { type Clock, systemClock } from '../../lib/core/clock.ts';

/** The system's clock, and how many of its timers are set. */
export function countedTimers(): { readonly clock: Clock; live(): number } {
  let timers = 0;
  const clock: Clock = {
    ...systemClock,
    setTimer(delayMs, callback) {
      timers++;
      let isLive = true;
      const end = () => {
        if (isLive) timers--;
        isLive = false;
      };
      const cancel = systemClock.setTimer(delayMs, () => {
        end();
        callback();
      });
      return () => {
        end();
        cancel();
      };
    },
  };
  return { clock, live: () => timers };
}
