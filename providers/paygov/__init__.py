"""PayGov, the payment platform of Vietnam's National Public Service Portal (Cổng Dịch vụ công Quốc gia)."""
