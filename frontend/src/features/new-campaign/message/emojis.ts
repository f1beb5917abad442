/** Those that messages of shops and schools use; a screen reader knows their names. */
export const EMOJIS = [
  { group: 'faces', emojis: ['😀', '😄', '😊', '😍', '😉', '😎', '🤩', '🥳', '😅', '🤔', '😢', '🙈'] },
  { group: 'hands', emojis: ['👍', '👏', '🙌', '🙏', '👋', '🤝', '💪', '👉', '👇', '✌️', '🤞', '🫶'] },
  { group: 'hearts', emojis: ['❤️', '💚', '💙', '💛', '🧡', '💜', '💖', '🌹', '🌻', '⭐', '✨', '🔥'] },
  { group: 'party', emojis: ['🎉', '🎊', '🎁', '🎈', '🎂', '🥂', '🏆', '🎄', '🐣', '🌞', '🌙', '☕'] },
  { group: 'shop', emojis: ['🛍️', '🛒', '💳', '💰', '🏷️', '📦', '🚚', '🏪', '🍕', '🍰', '👗', '👟'] },
  { group: 'signs', emojis: ['✅', '❗', '❓', '📌', '📍', '📅', '⏰', '📞', '💬', '📱', '🔔', '🔗'] },
] as const;
