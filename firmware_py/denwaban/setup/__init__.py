"""The guided first start behind `denwaban setup`: find the modem, try one call, write the configuration."""
