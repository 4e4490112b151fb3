package app

import (
	"net/http"
	"strings"
	"time"

	"filo/entry"
	"filo/internal/api"
	"filo/internal/web"
)

// Pages gives everything the node serves to people and their programs: pages,
// health, metrics.
func (n *Node) Pages() (http.Handler, error) {
	var oidc *entry.OIDC
	if o := n.Config.OIDC; o.Issuer != "" {
		oidc = entry.NewOIDC(n.Entry, n.DB.Entries(), o.Issuer, o.Client, o.Secret, n.Config.Public+"/entra/oidc/ritorno", o.Name)
	}
	// On a bare IP address browsers offer no passkeys: the pages then do not either.
	keys, err := entry.NewPasskeys(n.Entry, n.DB.Entries(), n.Config.Public)
	if err != nil {
		n.Log.Info("no passkeys on this address", "public", n.Config.Public, "err", err)
		keys = nil
	}
	s, err := web.New(web.Options{
		Passkeys: keys, OIDC: oidc,
		Clock: n.Clock, Log: n.Log, Hub: n.Hub, Territory: n.Territory, Agreements: n.Agreements, Reports: n.Reports,
		Alerts: n.Alerts, Detections: n.Detections, Hunts: n.Hunts, Indicators: n.DB.Indicators(), Agents: n.Agents, Entry: n.Entry, Flow: n.Flow,
		Signer: n.Keys, Pin: n.Keys.Pin(), Link: n.Config.Link.Public, Secure: strings.HasPrefix(n.Config.Public, "https://"),
		Language: n.Config.Language, Proxies: n.Config.Proxies,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := n.DB.Ping(r.Context()); err != nil {
			http.Error(w, "database away", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		// Numbers of the whole node are for the machine it runs on.
		if !strings.HasPrefix(r.RemoteAddr, "127.0.0.1:") && !strings.HasPrefix(r.RemoteAddr, "[::1]:") {
			http.NotFound(w, r)
			return
		}
		n.Metrics.WritePrometheus(w)
	})
	rest := &api.REST{
		Entry: n.Entry, Reports: n.Reports, Alerts: n.Alerts, Indicators: n.DB.Indicators(), Flow: n.Flow, Audit: n.DB,
		Guard: &api.Guard{Clock: n.Clock, Tries: 20, Window: 10 * time.Minute},
	}
	mux.Handle(api.Prefix+"/", rest.Handler())
	mux.Handle("/", s.Handler())
	return mux, nil
}
