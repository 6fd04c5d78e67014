// What a cluster is: its name, folder and addresses, all derived from the name and one small index, so that several
// clusters share a machine without meeting. The index is the only thing stored; it is chosen in network.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	nodeName      = "companion-node"
	clusterDomain = "cluster.local"
	apiPort       = 6443
	pollEvery     = 100 * time.Millisecond
)

var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$`)

// A cluster, running or not. Index is -1 until the network has been made.
type cluster struct {
	Name  string `json:"name"`
	Index int    `json:"index"`
	dir   string
}

func newCluster(name string) (*cluster, error) {
	if !validName.MatchString(name) {
		return nil, fmt.Errorf("--name %q: use at most 32 lower-case letters, digits and dashes", name)
	}
	root, err := clustersDir()
	if err != nil {
		return nil, err
	}
	c := &cluster{Name: name, Index: -1, dir: filepath.Join(root, name)}
	// The kernel allows 108 bytes for a socket's path; the longest below the folder takes 40.
	if len(c.dir) > 67 {
		return nil, fmt.Errorf("the folder %s is too long for the sockets in it: choose a shorter --name or COMPANION_CACHE", c.dir)
	}
	text, err := os.ReadFile(c.path("cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	stored := cluster{Index: -1}
	if err := json.Unmarshal(text, &stored); err != nil {
		return c, unreadableError{c.path("cluster.json"), err}
	}
	c.Index = stored.Index
	return c, nil
}

// What is known of a cluster is broken. "down" removes it all the same: everything is found by the cluster's name too.
type unreadableError struct {
	path  string
	cause error
}

func (e unreadableError) Error() string {
	return fmt.Sprintf("%s: %v; remove the cluster with \"down\"", e.path, e.cause)
}

func (e unreadableError) Unwrap() error { return e.cause }

func clustersDir() (string, error) {
	cache := os.Getenv("COMPANION_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("set COMPANION_CACHE or HOME: %w", err)
		}
		cache = filepath.Join(user, "companion")
	}
	return filepath.Abs(filepath.Join(cache, "cluster"))
}

func (c *cluster) save() error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	// Renamed into place, so that no one reads, and no crash leaves, half a file.
	file := c.path("cluster.json")
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (c *cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// Both ends of the link between the machine and the cluster's network namespace.
func (c *cluster) hostIP() string { return fmt.Sprintf("10.242.%d.1", c.Index) }
func (c *cluster) nodeIP() string { return fmt.Sprintf("10.242.%d.2", c.Index) }

func (c *cluster) podRange() string      { return fmt.Sprintf("10.240.%d.0/24", c.Index) }
func (c *cluster) serviceRange() string  { return fmt.Sprintf("10.241.%d.0/20", c.Index*16) }
func (c *cluster) kubernetesIP() string  { return fmt.Sprintf("10.241.%d.1", c.Index*16) }
func (c *cluster) dnsIP() string         { return fmt.Sprintf("10.241.%d.10", c.Index*16) }
func (c *cluster) apiAddress() string    { return fmt.Sprintf("https://%s:%d", c.nodeIP(), apiPort) }
func (c *cluster) runtimeSocket() string { return c.path("containerd.sock") }

// A client's settings for the API server, with a deadline on every call.
func (c *cluster) client() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.path("kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.Timeout = 10 * time.Second
	return config, nil
}

// Whether the API server says that it is ready.
func (c *cluster) ready(ctx context.Context) error {
	config, err := c.client()
	if err != nil {
		return err
	}
	http1, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.apiAddress()+"/readyz", nil)
	if err != nil {
		return err
	}
	answer, err := http1.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s/readyz: %s", c.apiAddress(), answer.Status)
	}
	return nil
}

// Tries until it succeeds or the deadline passes, then tells the last failure.
func waitFor(ctx context.Context, what string, try func(context.Context) error) error {
	for {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%w)", what, err, ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}
