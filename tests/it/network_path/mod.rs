//! What lies between the provider and Azure: names, certificates, proxies, clouds.
