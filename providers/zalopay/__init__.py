"""ZaloPay: Vietnam's wallet of VNG, by its v2 API: a redirect to its page, and a callback on success only."""
