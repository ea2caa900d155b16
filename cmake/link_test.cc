// Linked with the whole archive of one library: an undeclared dependency fails the build here.
int main() {
  return 0;
}
