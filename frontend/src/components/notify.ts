import { notifications } from '@mantine/notifications';

/** A short word that something was done. Errors belong into an ErrorPanel beside their cause. */
export function notifyDone(message: string): void {
  notifications.show({ message, color: 'brand', autoClose: 5000, withBorder: true });
}

/** An error that has no place on the page. */
export function notifyError(message: string): void {
  notifications.show({ message, color: 'red', autoClose: 10_000, withBorder: true });
}
