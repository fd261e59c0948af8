package app

import (
	"path/filepath"
	"strings"

	"gatehouse/internal/chat"
	"gatehouse/internal/media"
	"gatehouse/internal/secret"
)

// files opens the media store: S3 where it is configured, else the data folder.
func (a *App) files() (media.Store, error) {
	if s := a.cfg.S3; s.Endpoint != "" {
		endpoint := s.Endpoint
		if !strings.Contains(endpoint, "://") {
			scheme := "https://"
			if s.Insecure {
				scheme = "http://"
			}
			endpoint = scheme + endpoint
		}
		st, err := media.OpenS3(media.S3Config{
			Endpoint: endpoint, Region: s.Region, Bucket: s.Bucket, AccessKey: s.AccessKey, SecretKey: secret.Redact(s.SecretKey), PathStyle: s.PathStyle,
		})
		if err != nil {
			return nil, misconfigured("S3: %w", err)
		}
		return st, nil
	}
	f, err := media.OpenFiles(filepath.Join(a.cfg.Data, "media"))
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, func() { _ = f.Close() })
	return f, nil
}

// mediaURL is a link from which a provider may fetch a file for a few minutes.
func (a *App) mediaURL(id chat.AttachmentID) (string, error) {
	q := a.links.Sign(id.String(), providerPrincipal, false, a.now())
	return a.cfg.Public() + "/api/v1/media/" + id.String() + "?" + q.Encode(), nil
}

// providerPrincipal is who a link for a provider is made out to: it grants this file and nothing else.
const providerPrincipal = "provider"
