package browser

import (
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

func TestAPersonAddsAPasskeyAndComesInWithItAlone(t *testing.T) {
	d := start(t)
	b := open(t)
	if _, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{}); err != nil {
		t.Fatal(err)
	}
	_, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := signIn(t, d, "Enna")
	b.as(t, d, c)
	err = chromedp.Do(b.ctx, chromedp.Navigate(d.URL+"/account"), ready(), chromedp.Click(chromedp.CSS(`[data-passkey="add"]`)),
		chromedp.WaitVisible(chromedp.CSS(`form[action^="/account/passkey/"]`)))
	if err != nil {
		t.Fatalf("the passkey is not added: %v", err)
	}
	res, err := c.PostForm(d.URL+"/esci", url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	err = chromedp.Do(b.ctx, chromedp.Navigate(d.URL+"/entra"), ready(), chromedp.Click(chromedp.CSS(`[data-passkey="enter"]`)),
		chromedp.WaitVisible(chromedp.CSS(`a[href="/segnala"]`)))
	if err != nil {
		t.Fatalf("the passkey does not let its owner in: %v", err)
	}
}
