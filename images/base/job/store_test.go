package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestAStoreThatFallsSilentInMidObjectIsAFaultOfTheNetwork(t *testing.T) {
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "8")
		_, _ = w.Write([]byte("ACGT"))
		w.(http.Flusher).Flush()
		<-ended
	}))
	defer server.Close()
	defer close(ended)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	defer func(former time.Duration) { silence = former }(silence)
	silence = 100 * time.Millisecond

	// A hang, not a slow machine, uses this up.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	store, err := openStore(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.readAll(ctx, location{bucket: "b", key: "k"})
	var f fault
	if ctx.Err() != nil || !errors.As(err, &f) || f.code != exitNetwork {
		t.Errorf("got %v, want code %d", err, exitNetwork)
	}
}

func TestAnArchivedObjectIsNoMatterOfRights(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message></Error>`))
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"} {
		t.Setenv(name, value)
	}
	store, err := openStore(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.readAll(context.Background(), location{bucket: "b", key: "k"})
	var f fault
	if !errors.As(err, &f) || f.code != exitNoInput || !strings.Contains(f.text, "s3://b/k is archived") {
		t.Errorf("got %v, want code %d", err, exitNoInput)
	}
}

func TestCredentialsThatDoNotComeAreToldApart(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"code":"InvalidIdInRequest","message":"CredentialsV2Request: no such task"}`))
	}))
	defer refusing.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": gone.URL, "AWS_REGION": "us-east-1", "HOME": t.TempDir(),
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": ""} {
		t.Setenv(name, value)
	}
	for agent, want := range map[string]struct {
		code int
		text string
	}{
		"":           {exitDenied, "the job has no role"},
		refusing.URL: {exitDenied, "hands out no credentials of the job role"},
		gone.URL:     {exitNetwork, "connection refused"},
	} {
		t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent)
		store, err := openStore(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.readAll(context.Background(), location{bucket: "b", key: "k"})
		var f fault
		if !errors.As(err, &f) || f.code != want.code || !strings.Contains(f.text, want.text) {
			t.Errorf("%q: %v, want code %d and %q", agent, err, want.code, want.text)
		}
	}
}
