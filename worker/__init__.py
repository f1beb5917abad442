from shared.coordination import redis_alone as _redis_alone  # noqa: F401  before redis is
