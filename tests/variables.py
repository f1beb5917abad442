"""Settings as a process is given them."""

from shared.settings import Settings


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a process these settings."""
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "EVOLUTION_API_URL": settings.evolution_api_url,
        "EVOLUTION_API_KEY": settings.evolution_api_key.get_secret_value(),
        "JWT_SECRET": settings.jwt_secret.get_secret_value(),
        "ENCRYPTION_KEY": settings.encryption_key.get_secret_value(),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_DIR": str(settings.log_dir),
        "LOG_LEVEL": settings.log_level,
        "DATA_DIR": str(settings.data_dir),
        "RAPIDFLOW_ENVIRONMENT": settings.environment,
    }
